// The share's name in an environment of another resource group: a module, because only a deployment of its own goes there.

@description('The environment.')
param environmentName string

@description('The name under which it knows the share.')
param storageName string

@description('The storage account of the share.')
param accountName string

@description('The key with which the share is mounted; it is not kept in the deployment history.')
@secure()
param accountKey string

@description('The share.')
param shareName string

resource environment 'Microsoft.App/managedEnvironments@2025-01-01' existing = {
  name: environmentName

  resource storage 'storages' = {
    name: storageName
    properties: {
      azureFile: {
        accountName: accountName
        accountKey: accountKey
        shareName: shareName
        accessMode: 'ReadWrite'
      }
    }
  }
}
